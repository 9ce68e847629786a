"""Long operations on models and machines that survive a restart."""
