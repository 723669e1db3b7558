//! The calls of this crate against a local AWS endpoint (`AWS_ENDPOINT_URL`), and against servers that fail.

mod endpoint;
mod objects;
mod outages;
mod secrets;
