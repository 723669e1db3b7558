//! The function as a service: a browser before it, and behind it a small API that answers in the shapes of the real one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod athena;
mod aws;
mod browser;
mod contract;
mod drill_down;
mod failures;
mod forwarding;
mod gateway;
mod hostile;
mod html;
mod keys;
mod lake;
mod pages;
mod protection;
mod rejected;
mod reports;
mod served;
mod sessions;
