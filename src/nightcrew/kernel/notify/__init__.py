"""Who is told of what happens: targets, the notices that wait for them, and the ways to send. `work` is where the kernel declares it."""
