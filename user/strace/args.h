/* The printing of the arguments of system calls. */
#pragma once

#include "tracee.h"

/* A kind of argument. */
struct arg_kind {
    /* Prints argument `n` of the tracee's call. An argument that the call fills in is printed at
       its exit. */
    void (*print)(const struct tracee *tracee, int n);
    bool is_output;      /* known only at the exit of the call */
    bool is_last;        /* prints the following arguments too, because they may not exist */
    const void *details; /* NULL, or data for `print`, such as the names of flags */
};

/* Sets the longest string that is shown in full; "..." replaces the rest. */
void args_set_string_limit(size_t limit);

extern const struct arg_kind arg_access, arg_action, arg_at_flags, arg_bytes, arg_clock, arg_clone,
    arg_dir_fd, arg_environment, arg_fcntl, arg_flock, arg_futex, arg_hex, arg_int, arg_ioctl,
    arg_ioctl_data, arg_itimer, arg_left_time, arg_long, arg_map_flags, arg_mask, arg_mask_how,
    arg_mode, arg_node_mode, arg_open_flags, arg_out_action, arg_out_bytes, arg_out_entries,
    arg_out_hex_bytes, arg_out_itimer, arg_out_mask, arg_out_name, arg_out_pair, arg_out_pointer,
    arg_out_rlimit, arg_out_stack, arg_out_stat, arg_out_status, arg_out_string, arg_out_time,
    arg_out_usage, arg_out_vector, arg_path, arg_pipe_flags, arg_pointer, arg_pollfds, arg_prctl,
    arg_prot, arg_random_flags, arg_rename_flags, arg_resource, arg_rlimit, arg_signal,
    arg_sigreturn, arg_stack, arg_strings, arg_time, arg_timer_flags, arg_times, arg_unsigned,
    arg_unshare_flags, arg_vector, arg_wait_flags, arg_whence, arg_which_itimer, arg_who;
