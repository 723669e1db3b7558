//! App events, from mParticle's webhook to the destination.

mod accounting;
mod bodies;
mod disorder;
mod intake;
mod keys;
mod numbers;
pub(crate) mod rig;
mod template;
