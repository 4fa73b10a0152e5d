//! Benches and nothing else: they stand in `benches/`.
