"""Many runs with one graph, trained as one."""
