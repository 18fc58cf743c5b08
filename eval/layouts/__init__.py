"""Layouts of published data sets, one module each: what of a folder is learned from, and what is tested on."""
