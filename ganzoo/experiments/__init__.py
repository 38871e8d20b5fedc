"""Many runs beside each other: cells (variant x setting x seed) -> results -> report."""
