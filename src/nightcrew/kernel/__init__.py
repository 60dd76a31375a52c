"""The kernel: scheduling, durable jobs, storage, outbound HTTP and health. It knows nothing of any medium."""
