"""The routes that people define: their rows, the looks at them, and what people are told."""
