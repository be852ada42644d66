"""Tests of the gateway's input and output, against real sockets and real servers."""
