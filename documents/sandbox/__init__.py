"""Documents are read here: each in a process of its own that can do nothing but read it.

client.py      the server's side: `Sandbox.parse`, `Sandbox.render`, deadlines, clean-up
link.py        the server's side of the fork server: spawn, requests with open files, news of children
forkserver.py  a clean interpreter without environment and secrets: forks one child a document, kills and reaps groups
child.py       the child: confine, prove it, read, send frames, die
confinement.py limits and layers; landlock.py and seccomp.py speak to the kernel through kernel.py
probe.py       the proof: what a confined child must not be able to do
watch.py       what no rlimit counts: processes, memory and disk of a whole group
frames.py      the only language between them: kind, length, JSON
"""
