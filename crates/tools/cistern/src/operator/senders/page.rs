//! What a person does in the provider's pages.

use email_senders::SecretOrigin;

use super::{Posting, input::NewSecret};

/// The steps, numbered, with the address and the secret in their places.
pub(super) fn steps(sender: &Posting, address: &str, secret: &str) -> String {
    let steps = sender.proof.setup().steps(address, secret);
    let lines = steps
        .iter()
        .enumerate()
        .map(|(place, step)| format!("\n  {}. {step}", place + 1));
    format!("In {}:{}", sender.sender.label(), lines.collect::<String>())
}

/// The secret as the steps name it: only a generated one is shown, once, and what is a name and no secret.
pub(super) fn named<'a>(sender: &Posting, new: &'a NewSecret) -> &'a str {
    let is_name = sender.proof.setup().origin == SecretOrigin::Name;
    if new.is_generated || is_name {
        new.secret.expose()
    } else {
        "the one that is stored now"
    }
}
