"""What there is, and what happens: model, files, queueing network, engines, report."""
