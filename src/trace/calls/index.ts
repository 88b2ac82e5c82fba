/** The calls that trace mode sees, and how each is read. */
export { NEWER_CALLS, TRACED_CALLS, TRACE_SET, tracedCall } from './call-table.js'
export type {
  AddressCall,
  NameArgument,
  NamingCall,
  OpeningCall,
  SignallingCall,
  SocketCall,
  StartingCall,
  TracedCall,
  UnsharingCall,
} from './shapes.js'
