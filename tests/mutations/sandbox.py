# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker can do to others."""

from .mutation import Mutation

# What a worker can do to others (docs/sandbox.md).
APART = (
    Mutation(
        "landlock-without-signals",
        "plugins_py/pythonfilter/worker/landlock.py",
        '_ruleset(struct.pack("=QQQ", 0, 0, _SCOPE_SIGNAL))',
        '_ruleset(struct.pack("=QQQ", 0, 0, 1))',
        ("test_worker_apart.py::test_others_are_out_of_reach",),
    ),
    Mutation(
        "guard-lets-all-through",
        "plugins_py/pythonfilter/worker/guard.py",
        "    return process == 0 or _is_of(abs(process), owners)\n",
        "    return True\n",
        ("test_worker_apart.py::test_others_are_out_of_reach",),
    ),
    Mutation(
        "guard-lets-nothing-through",
        "plugins_py/pythonfilter/worker/guard.py",
        "    return process == 0 or _is_of(abs(process), owners)\n",
        "    return process == 0\n",
        ("test_worker_apart.py::test_a_plugin_does_what_it_likes_with_its_own",),
    ),
    Mutation(
        "group-of-all-workers",
        "plugins_py/pythonfilter/worker/process.py",
        "    os.setsid()\n",
        "",
        ("test_worker_apart.py::test_a_signal_to_its_group_is_the_workers_own",),
    ),
    Mutation(
        "limits-inherited",
        "plugins_py/pythonfilter/worker/spawning.py",
        "            if _given() != self._given:\n",
        "            if not self._given:\n",
        ("test_worker_apart.py::test_limits_that_somebody_lowered_are_not_inherited",),
    ),
    Mutation(
        "signal-of-a-descriptor",
        "plugins_py/pythonfilter/worker/forbidden.py",
        "_OWNERS = (_SET_OWNER, _SET_SIGNAL, _SET_OWNER_BY_POINTER)\n",
        "_OWNERS = (_SET_OWNER, _SET_OWNER_BY_POINTER)\n",
        ("test_sandbox.py::test_strict_refuses",),
    ),
    Mutation(
        "other-architectures",
        "plugins_py/pythonfilter/worker/seccomp.py",
        "        self._set(_ATTR_BADARCH, _ACT_ERRNO | errno.EPERM)\n",
        "        self._set(_ATTR_BADARCH, _ACT_ALLOW)\n",
        ("test_sandbox.py::test_strict_refuses_the_calls_of_other_architectures",),
    ),
    Mutation(
        "two-come-back-from-a-fork",
        "plugins_py/pythonfilter/worker/running.py",
        "        if not self.forked:\n",
        "        if self.thread:\n",
        ("test_hostile.py::test_a_call_comes_back_once_though_it_forked",),
    ),
    Mutation(
        "useless-server-kept",
        "bridge/process/server.cpp",
        "  if (first && !request.again) {\n",
        "  if (first && request.again) {\n",
        ("test_hostile.py::test_one_plugin_does_not_stop_all_others",),
    ),
    Mutation(
        "stopped-server-kept",
        "bridge/process/server.cpp",
        "  if (is_stopped(pid_)) kill(pid_, SIGCONT);\n",
        "  return;\n",
        ("test_hostile.py::test_one_plugin_does_not_stop_all_others",),
    ),
)
