"""Configs, graphs, jobs, folders and tracking."""
