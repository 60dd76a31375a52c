"""MPEG transport streams (ISO/IEC 13818-1): their packets, tables and times, and where they may be cut. Pure."""
