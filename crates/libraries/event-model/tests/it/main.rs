//! Tests of the public interface, on the samples in `events/`, on generated bodies and on batches from public sources.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch_view;
mod bounds;
mod envelopes;
mod golden;
mod properties;
mod provider_batches;
mod same_event;
mod samples;
