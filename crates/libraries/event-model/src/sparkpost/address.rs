//! Domains of mail addresses.

use std::borrow::Cow;

use super::folding::{fold_domain, inner_address};

/// The domain of an address in lower case: the text after the last `@`, both in `user@host` and `Name <user@host>`.
pub fn domain_of<'a>(address: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    match address {
        Cow::Borrowed(text) => find_domain(text).map(|domain| fold_domain(Cow::Borrowed(domain))),
        Cow::Owned(text) => find_domain(text)
            .map(|domain| Cow::Owned(fold_domain(Cow::Borrowed(domain)).into_owned())),
    }
}

fn find_domain(text: &str) -> Option<&str> {
    let (_, domain) = inner_address(text).rsplit_once('@')?;
    let domain = domain.trim();
    (!domain.is_empty()).then_some(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_domain_however_the_address_is_dressed() {
        for (address, domain) in [
            ("user@example.com", Some("example.com")),
            ("User@Example.COM", Some("example.com")),
            ("Name <user@mail.example.com>", Some("mail.example.com")),
            ("\"a@b\" <user@example.com> ", Some("example.com")),
            ("user <user@example.com", Some("example.com")),
            ("\"odd@local\"@example.com", Some("example.com")),
            ("user@", None),
            ("user", None),
            ("", None),
        ] {
            assert_eq!(
                domain_of(&Cow::Borrowed(address)).as_deref(),
                domain,
                "{address:?}"
            );
            assert_eq!(
                domain_of(&Cow::Owned(address.to_owned())).as_deref(),
                domain,
                "{address:?}"
            );
        }
    }
}
