"""For the tests of programs, providers and plugins. Each module is imported by itself."""
