"""How a command is confined: the parts that `localnpm.agent.jail` puts together.

    values.py     what goes in and comes out: limits, plan, result, findings
    access.py     what a command may read, what is hidden, its environment
    child.py      the helper process that every command starts in
    helper.py     starting that process and reading what the command prints
    keeper.py     the process that watches a command and ends everything it started
    mounts.py     namespaces and a root of their own
    landlock.py   the kernel's rules for files
    seccomp.py    the kernel's filter for system calls
    syscalls.py   system calls that Python has no function for

The helper imports from here with nothing but the standard library on its path, so nothing in this package imports more.
"""
