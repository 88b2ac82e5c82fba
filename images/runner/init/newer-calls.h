/*
 * Calls that name files and are newer than the oldest strace that is used (6.1, which can neither select nor print them):
 * entries of an array of call numbers. In trace mode they are answered ENOSYS, as by an older kernel, and programs fall
 * back to calls that are seen. From 424 on every architecture has the same numbers (syscall.tbl of Linux). The names are
 * NEWER_CALLS of src/trace/calls; a test holds the two equal.
 */
    452, /* fchmodat2 */
    463, /* setxattrat */
    464, /* getxattrat */
    465, /* listxattrat */
    466, /* removexattrat */
    467, /* open_tree_attr */
    468, /* file_getattr */
    469, /* file_setattr */
