"""The published experiment (Demir, Traoré, Camero, ESANN 2024): as published, and what holds of it."""
