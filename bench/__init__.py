"""What is promised in figures, measured through the real gateway on real sockets. Each bench prints its figures as JSON
last; docs/benchmarks.md says how to read them. Nothing imports this package."""
