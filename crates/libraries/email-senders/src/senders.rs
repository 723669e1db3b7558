//! One file per sender. A new one is a file and a line here.

mod bird;
mod mailgun;
mod postmark;
mod resend;
mod sendgrid;
mod ses;
mod standard;

use crate::sender::Sender;

pub(crate) const ALL: [&Sender; 7] = [
    &bird::BIRD,
    &mailgun::MAILGUN,
    &postmark::POSTMARK,
    &resend::RESEND,
    &sendgrid::SENDGRID,
    &ses::SES,
    &standard::STANDARD,
];
