"""The methods without a net that the nets are compared with: they learn from features that somebody thought out."""
