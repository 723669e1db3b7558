//! Tests of the public interface, on the samples in `events/`, on generated bodies and on batches from public sources.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod mapping_properties;
mod mparticle_provider_batches;
mod mparticle_samples;
mod selection;
