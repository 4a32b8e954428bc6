"""Basics that every package uses and that depend on none: errors, files, digests, plug-ins, metrics, the project, text."""
