"""What pictures lose: metrics, material and curves of the benches."""
