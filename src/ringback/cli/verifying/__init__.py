"""Diagnoses a wrong webhook signature by trying the usual mistakes."""
