//! App events, from mParticle's webhook to the destination.

mod accounting;
mod bodies;
mod disorder;
mod keys;
mod numbers;
mod replayed;
pub(crate) mod rig;
mod template;
mod webhook;
