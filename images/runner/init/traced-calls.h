/*
 * The calls that strace is to see in trace mode `named`: entries of an array of call numbers, those that this architecture
 * has. The names are TRACED_CALLS of src/trace/calls; a test holds the two equal.
 */
#ifdef __NR_access
    __NR_access,
#endif
#ifdef __NR_acct
    __NR_acct,
#endif
#ifdef __NR_bind
    __NR_bind,
#endif
#ifdef __NR_chdir
    __NR_chdir,
#endif
#ifdef __NR_chmod
    __NR_chmod,
#endif
#ifdef __NR_chown
    __NR_chown,
#endif
#ifdef __NR_chown32
    __NR_chown32,
#endif
#ifdef __NR_chroot
    __NR_chroot,
#endif
#ifdef __NR_clone
    __NR_clone,
#endif
#ifdef __NR_clone3
    __NR_clone3,
#endif
#ifdef __NR_connect
    __NR_connect,
#endif
#ifdef __NR_creat
    __NR_creat,
#endif
#ifdef __NR_execve
    __NR_execve,
#endif
#ifdef __NR_execveat
    __NR_execveat,
#endif
#ifdef __NR_faccessat
    __NR_faccessat,
#endif
#ifdef __NR_faccessat2
    __NR_faccessat2,
#endif
#ifdef __NR_fanotify_mark
    __NR_fanotify_mark,
#endif
#ifdef __NR_fchdir
    __NR_fchdir,
#endif
#ifdef __NR_fchmod
    __NR_fchmod,
#endif
#ifdef __NR_fchmodat
    __NR_fchmodat,
#endif
#ifdef __NR_fchown
    __NR_fchown,
#endif
#ifdef __NR_fchown32
    __NR_fchown32,
#endif
#ifdef __NR_fchownat
    __NR_fchownat,
#endif
#ifdef __NR_fork
    __NR_fork,
#endif
#ifdef __NR_fremovexattr
    __NR_fremovexattr,
#endif
#ifdef __NR_fsconfig
    __NR_fsconfig,
#endif
#ifdef __NR_fsetxattr
    __NR_fsetxattr,
#endif
#ifdef __NR_fspick
    __NR_fspick,
#endif
#ifdef __NR_fstatat64
    __NR_fstatat64,
#endif
#ifdef __NR_ftruncate
    __NR_ftruncate,
#endif
#ifdef __NR_ftruncate64
    __NR_ftruncate64,
#endif
#ifdef __NR_futimesat
    __NR_futimesat,
#endif
#ifdef __NR_getxattr
    __NR_getxattr,
#endif
#ifdef __NR_inotify_add_watch
    __NR_inotify_add_watch,
#endif
#ifdef __NR_kill
    __NR_kill,
#endif
#ifdef __NR_lchown
    __NR_lchown,
#endif
#ifdef __NR_lchown32
    __NR_lchown32,
#endif
#ifdef __NR_lgetxattr
    __NR_lgetxattr,
#endif
#ifdef __NR_link
    __NR_link,
#endif
#ifdef __NR_linkat
    __NR_linkat,
#endif
#ifdef __NR_listxattr
    __NR_listxattr,
#endif
#ifdef __NR_llistxattr
    __NR_llistxattr,
#endif
#ifdef __NR_lremovexattr
    __NR_lremovexattr,
#endif
#ifdef __NR_lsetxattr
    __NR_lsetxattr,
#endif
#ifdef __NR_lstat
    __NR_lstat,
#endif
#ifdef __NR_lstat64
    __NR_lstat64,
#endif
#ifdef __NR_mkdir
    __NR_mkdir,
#endif
#ifdef __NR_mkdirat
    __NR_mkdirat,
#endif
#ifdef __NR_mknod
    __NR_mknod,
#endif
#ifdef __NR_mknodat
    __NR_mknodat,
#endif
#ifdef __NR_mount
    __NR_mount,
#endif
#ifdef __NR_mount_setattr
    __NR_mount_setattr,
#endif
#ifdef __NR_move_mount
    __NR_move_mount,
#endif
#ifdef __NR_mq_open
    __NR_mq_open,
#endif
#ifdef __NR_mq_unlink
    __NR_mq_unlink,
#endif
#ifdef __NR_name_to_handle_at
    __NR_name_to_handle_at,
#endif
#ifdef __NR_newfstatat
    __NR_newfstatat,
#endif
#ifdef __NR_oldlstat
    __NR_oldlstat,
#endif
#ifdef __NR_oldstat
    __NR_oldstat,
#endif
#ifdef __NR_open
    __NR_open,
#endif
#ifdef __NR_open_by_handle_at
    __NR_open_by_handle_at,
#endif
#ifdef __NR_open_tree
    __NR_open_tree,
#endif
#ifdef __NR_openat
    __NR_openat,
#endif
#ifdef __NR_openat2
    __NR_openat2,
#endif
#ifdef __NR_pidfd_send_signal
    __NR_pidfd_send_signal,
#endif
#ifdef __NR_pivot_root
    __NR_pivot_root,
#endif
#ifdef __NR_quotactl
    __NR_quotactl,
#endif
#ifdef __NR_readlink
    __NR_readlink,
#endif
#ifdef __NR_readlinkat
    __NR_readlinkat,
#endif
#ifdef __NR_removexattr
    __NR_removexattr,
#endif
#ifdef __NR_rename
    __NR_rename,
#endif
#ifdef __NR_renameat
    __NR_renameat,
#endif
#ifdef __NR_renameat2
    __NR_renameat2,
#endif
#ifdef __NR_rmdir
    __NR_rmdir,
#endif
#ifdef __NR_rt_sigqueueinfo
    __NR_rt_sigqueueinfo,
#endif
#ifdef __NR_rt_tgsigqueueinfo
    __NR_rt_tgsigqueueinfo,
#endif
#ifdef __NR_sendmmsg
    __NR_sendmmsg,
#endif
#ifdef __NR_sendmsg
    __NR_sendmsg,
#endif
#ifdef __NR_sendto
    __NR_sendto,
#endif
#ifdef __NR_setxattr
    __NR_setxattr,
#endif
#ifdef __NR_socket
    __NR_socket,
#endif
#ifdef __NR_socketpair
    __NR_socketpair,
#endif
#ifdef __NR_stat
    __NR_stat,
#endif
#ifdef __NR_stat64
    __NR_stat64,
#endif
#ifdef __NR_statfs
    __NR_statfs,
#endif
#ifdef __NR_statfs64
    __NR_statfs64,
#endif
#ifdef __NR_statx
    __NR_statx,
#endif
#ifdef __NR_swapoff
    __NR_swapoff,
#endif
#ifdef __NR_swapon
    __NR_swapon,
#endif
#ifdef __NR_symlink
    __NR_symlink,
#endif
#ifdef __NR_symlinkat
    __NR_symlinkat,
#endif
#ifdef __NR_tgkill
    __NR_tgkill,
#endif
#ifdef __NR_tkill
    __NR_tkill,
#endif
#ifdef __NR_truncate
    __NR_truncate,
#endif
#ifdef __NR_truncate64
    __NR_truncate64,
#endif
#ifdef __NR_umount
    __NR_umount,
#endif
#ifdef __NR_umount2
    __NR_umount2,
#endif
#ifdef __NR_unlink
    __NR_unlink,
#endif
#ifdef __NR_unlinkat
    __NR_unlinkat,
#endif
#ifdef __NR_unshare
    __NR_unshare,
#endif
#ifdef __NR_uselib
    __NR_uselib,
#endif
#ifdef __NR_utime
    __NR_utime,
#endif
#ifdef __NR_utimensat
    __NR_utimensat,
#endif
#ifdef __NR_utimensat_time64
    __NR_utimensat_time64,
#endif
#ifdef __NR_utimes
    __NR_utimes,
#endif
#ifdef __NR_vfork
    __NR_vfork,
#endif
