//! Tests of the program as a person runs it. They need no stack.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod closed_pipe;
