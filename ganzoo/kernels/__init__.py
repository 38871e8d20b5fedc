"""CPU rewrites of operators, exact and chosen by shape; nobody needs to read them to use or extend ganzoo."""
