"""The version of Fairlead, which all its programs share."""

VERSION = "0.1.0"
