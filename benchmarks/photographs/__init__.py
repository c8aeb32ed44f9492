"""How well fakes among photographs are found: ``python -m benchmarks.photographs``."""
