export { WorkspaceStore, type WorkspaceRequest } from './workspace-store.js'
export type { DiskQuota, EngineFacts } from './disk-quota.js'
export type { Workspace, WorkspaceMount, WorkspaceUsage } from './workspace.js'
