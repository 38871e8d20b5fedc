"""Comparison report: HTML page, Markdown table, figures."""
