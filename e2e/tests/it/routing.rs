//! Routing: which paths reach which function, and that only the gateway's route and path decide it.

mod forged;
mod paths;
mod wire;
