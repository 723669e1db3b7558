//! Domains of mail addresses.

/// The domain of an address in lower case: what follows the last `@`, of `user@host` as of `Name <user@host>`.
pub(crate) fn domain_of(address: &str) -> Option<String> {
    let address = match address.rsplit_once('<') {
        Some((_, bracketed)) => bracketed
            .split_once('>')
            .map_or(bracketed, |(address, _)| address),
        None => address,
    };
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim();

    if domain.is_empty() {
        None
    } else {
        Some(domain.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_follows_the_last_at_sign() {
        for (address, domain) in [
            ("user@example.com", Some("example.com")),
            ("Name <user@Mail.Example.com>", Some("mail.example.com")),
            ("\"a@b\" <user@example.com> ", Some("example.com")),
            ("user@", None),
            ("user", None),
        ] {
            assert_eq!(domain_of(address).as_deref(), domain, "{address}");
        }
    }
}
