//! Domains of mail addresses.

use std::borrow::Cow;

/// The domain of an address in lower case: what follows the last `@`, of `user@host` as of `Name <user@host>`.
pub fn domain_of<'a>(address: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    match address {
        Cow::Borrowed(text) => find_domain(text).map(to_lower_case),
        Cow::Owned(text) => find_domain(text).map(|domain| Cow::Owned(domain.to_ascii_lowercase())),
    }
}

fn find_domain(text: &str) -> Option<&str> {
    let address = match text.rsplit_once('<') {
        Some((_, bracketed)) => bracketed
            .split_once('>')
            .map_or(bracketed, |(address, _)| address),
        None => text,
    };
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim();
    (!domain.is_empty()).then_some(domain)
}

fn to_lower_case(domain: &str) -> Cow<'_, str> {
    if domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(domain.to_ascii_lowercase())
    } else {
        Cow::Borrowed(domain)
    }
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
