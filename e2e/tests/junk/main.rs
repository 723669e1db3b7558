//! Junk of every shape, at the sizes that the gateways accept, for each function's own program under a hard limit: its
//! memory in the template. It must not kill a function, and good items with it are processed in the same invocation.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authorizer;
mod compactor;
mod forwarder;
mod http;
mod lambda;
mod lies;
mod objects;
mod query;
mod shapes;
