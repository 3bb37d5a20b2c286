# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system calls that a sandbox refuses, or has looked at."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Iterator
from typing import NamedTuple

# libseccomp's operators.
_NOT_EQUAL = 1
_MASKED_EQUAL = 7

_CLONE_THREAD = 0x00010000
_LOW_WORD = 0xFFFFFFFF


# An argument, an operator and its two values.
Condition = tuple[int, int, int, int]


class Rule(NamedTuple):
    """`name` fails with `error`, or is asked for, when all of `when` holds."""

    name: str
    error: int = errno.EPERM
    when: tuple[Condition, ...] = ()
    asks: bool = False


# Some have two names or more: of 32-bit systems, or of what came later.
_ALWAYS = """
socket socketpair connect bind listen accept accept4
execve execveat fork vfork unshare setns personality
creat open_by_handle_at rename renameat renameat2 unlink unlinkat rmdir
mkdir mkdirat link linkat symlink symlinkat mknod mknodat truncate truncate64
chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat lchown
lchown32 utime utimes utimensat utimensat_time64 futimesat
setxattr lsetxattr fsetxattr setxattrat
removexattr lremovexattr fremovexattr removexattrat file_setattr
mount umount umount2 pivot_root chroot move_mount open_tree open_tree_attr
fsopen fsconfig fsmount fspick mount_setattr swapon swapoff quotactl quotactl_fd
acct fanotify_init
mq_open mq_unlink shmget shmat shmctl msgget msgsnd msgrcv msgctl
semget semop semtimedop semtimedop_time64 semctl
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease
kcmp pidfd_getfd pidfd_send_signal tkill migrate_pages move_pages
bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register
keyctl add_key request_key kexec_load kexec_file_load
init_module finit_module create_module delete_module reboot syslog
settimeofday stime clock_settime clock_settime64 clock_adjtime clock_adjtime64
adjtimex sethostname setdomainname iopl ioperm modify_ldt lookup_dcookie
""".split()

# Whoever calls these falls back to what can be looked into: a flag lies in memory.
_UNKNOWN = ("clone3", "openat2")

# The process that a signal goes to is the first argument.
_SIGNALS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")

_WRITING = (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC)

# fcntl(): the kernel would send a signal of our choice to a process of our choice.
_SET_OWNER = 8
_SET_SIGNAL = 10
_SET_OWNER_BY_POINTER = 15
_OWNERS = (_SET_OWNER, _SET_SIGNAL, _SET_OWNER_BY_POINTER)

# ioctl(): the same for sockets, and keys typed into a terminal.
_SOCKET_OWNERS = (
    0x8901,  # FIOSETOWN
    0x8902,  # SIOCSPGRP
)
_KEYS_TYPED = (
    0x5412,  # TIOCSTI
    0x541C,  # TIOCLINUX
)

# ioctl(): what chmod() and the like would be for attributes, of a file that is only
# open for reading.
_ATTRIBUTES = (
    0x40086602,  # FS_IOC_SETFLAGS
    0x40046602,  # FS_IOC32_SETFLAGS
    0x401C5820,  # FS_IOC_FSSETXATTR
)

# prctl(): to be looked into by others after all, and not to end with the server.
_SET_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4

# Which argument says whose: what signals, and what changes limits and turns.
SIGNALLED = {
    "kill": 0,
    "tkill": 0,
    "tgkill": 0,
    "rt_sigqueueinfo": 0,
    "rt_tgsigqueueinfo": 0,
}
CHANGED = {
    "prlimit64": 0,
    "sched_setparam": 0,
    "sched_setscheduler": 0,
    "sched_setaffinity": 0,
    "sched_setattr": 0,
    "setpriority": 1,
    "ioprio_set": 1,
}

# Younger than some libseccomp that is in use; the same everywhere since 5.1.
NUMBERS = {
    "quotactl_fd": 443,
    "process_mrelease": 448,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_setattr": 469,
}


def rules(pid: int) -> Iterator[Rule]:
    """All of them, for the process `pid`."""
    for name in _ALWAYS:
        yield Rule(name)
    for name in _UNKNOWN:
        yield Rule(name, errno.ENOSYS)

    # Threads are made with the same call as processes.
    flags = 1 if platform.machine().startswith("s390") else 0
    yield Rule("clone", when=((flags, _MASKED_EQUAL, _CLONE_THREAD, 0),))

    for name, argument in (("open", 1), ("openat", 2)):
        for flag in _WRITING:
            yield Rule(name, when=((argument, _MASKED_EQUAL, flag, flag),))
    for name in _SIGNALS:
        yield Rule(name, when=((0, _NOT_EQUAL, pid, 0),))
    # Other processes' limits: the host's, for one.
    yield Rule("prlimit64", when=((0, _NOT_EQUAL, 0, 0),))

    for command in _OWNERS:
        yield Rule("fcntl", when=(_is(1, command),))
        yield Rule("fcntl64", when=(_is(1, command),))
    for option in (_SET_DEATH_SIGNAL, _SET_DUMPABLE):
        yield Rule("prctl", when=(_is(0, option),))
    for request in _SOCKET_OWNERS + _KEYS_TYPED + _ATTRIBUTES:
        yield Rule("ioctl", when=(_is(1, request),))


def asked_for(pid: int, signals: bool) -> Iterator[Rule]:
    """What a basic sandbox has looked at, for the process `pid`.

    `signals`: those, too, where nothing else keeps them.
    """
    for name, argument in CHANGED.items():
        # The number given to these two says nothing where their first argument says
        # that it is about a user.
        if name in ("setpriority", "ioprio_set"):
            yield Rule(name, asks=True)
        else:
            yield Rule(name, when=((argument, _NOT_EQUAL, 0, 0),), asks=True)
    for request in _KEYS_TYPED:
        yield Rule("ioctl", when=(_is(1, request),))
    if not signals:
        return
    for name, argument in SIGNALLED.items():
        yield Rule(name, when=((argument, _NOT_EQUAL, pid, 0),), asks=True)
    # By a descriptor: whose, could be another one a moment after it was looked at.
    yield Rule("pidfd_send_signal")
    for name in ("fcntl", "fcntl64"):
        owner = (_is(1, _SET_OWNER), (2, _NOT_EQUAL, pid, 0))
        yield Rule(name, when=owner, asks=True)
        yield Rule(name, when=(_is(1, _SET_OWNER_BY_POINTER),))
    for request in _SOCKET_OWNERS:
        yield Rule("ioctl", when=(_is(1, request),))


def _is(argument: int, value: int) -> Condition:
    """As the kernel reads an int: its upper half is nothing to it."""
    return argument, _MASKED_EQUAL, _LOW_WORD, value
