"""What the portal and the gateway share of HTTP: the edge, problems in both dresses, plain pages. Knows no use case."""
