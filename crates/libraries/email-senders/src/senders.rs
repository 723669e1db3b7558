//! One file per sender. A new one is a file and a line here.

mod bird;
mod mailgun;
mod postmark;
mod resend;
mod sendgrid;
mod ses;
mod standard;

use crate::provider::Provider;

pub(crate) const ALL: [&Provider; 7] = [
    &bird::BIRD,
    &mailgun::MAILGUN,
    &postmark::POSTMARK,
    &resend::RESEND,
    &sendgrid::SENDGRID,
    &ses::SES,
    &standard::STANDARD,
];
