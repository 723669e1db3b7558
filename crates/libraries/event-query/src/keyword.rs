//! Search by whole words, as SparkPost documents it for ten of its parameters
//! (<https://developers.sparkpost.com/api/events/#header-keyword-search>).
//!
//! A text is split at white space, dashes and underscores, a domain at periods too. A word matches a whole word: of
//! `blackfriday-specials` the first, not its second half. Several words match as a phrase: `example.com` matches
//! `info.example.com` and `example.com.uk`. SparkPost does not say whether case matters; here it does not. White space and
//! dashes are those of every alphabet.
//!
//! Characters beyond ASCII are normalized by [`fold_beyond_ascii`](event_model::sparkpost::fold_beyond_ascii) before
//! they are stored. ASCII is lower-cased by the index, because names are displayed as they were sent. Texts that were
//! stored before normalization have their own index, see [`unfolded`](crate::unfolded).
//!
//! The same splitting exists twice, here for the words of a search and in SQL for the stored texts. Both must agree,
//! and the SQL must equal the text of the index that `migrations/` defines, or the index is not used.

use std::borrow::Cow;
use std::collections::BTreeSet;

use event_model::sparkpost::{clip_word, fold, fold_domain, is_word_delimiter};

/// The members of an event that are searched by words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeywordField {
    AbTest,
    Campaign,
    IpPool,
    MailboxProvider,
    MailboxProviderRegion,
    Reason,
    RecipientDomain,
    SendingDomain,
    Subject,
    Template,
}

impl KeywordField {
    pub(crate) const ALL: [Self; 10] = [
        Self::AbTest,
        Self::Campaign,
        Self::IpPool,
        Self::MailboxProvider,
        Self::MailboxProviderRegion,
        Self::Reason,
        Self::RecipientDomain,
        Self::SendingDomain,
        Self::Subject,
        Self::Template,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AbTest => "ab_test_id",
            Self::Campaign => "campaign_id",
            Self::IpPool => "ip_pool",
            Self::MailboxProvider => "mailbox_provider",
            Self::MailboxProviderRegion => "mailbox_provider_region",
            Self::Reason => "reason",
            Self::RecipientDomain => "recipient_domain",
            Self::SendingDomain => "sending_domain",
            Self::Subject => "subject",
            Self::Template => "template_id",
        }
    }

    /// Some are columns, the others exist only in the payload.
    pub(crate) fn column(self) -> String {
        match self {
            Self::AbTest | Self::IpPool | Self::MailboxProvider | Self::MailboxProviderRegion => {
                format!("(event->>'{}')", self.name())
            }
            Self::Campaign
            | Self::Reason
            | Self::RecipientDomain
            | Self::SendingDomain
            | Self::Subject
            | Self::Template => self.name().to_owned(),
        }
    }

    const fn is_domain(self) -> bool {
        match self {
            Self::RecipientDomain | Self::SendingDomain => true,
            Self::AbTest
            | Self::Campaign
            | Self::IpPool
            | Self::MailboxProvider
            | Self::MailboxProviderRegion
            | Self::Reason
            | Self::Subject
            | Self::Template => false,
        }
    }

    const fn is_prose(self) -> bool {
        match self {
            Self::Reason | Self::Subject => true,
            Self::AbTest
            | Self::Campaign
            | Self::IpPool
            | Self::MailboxProvider
            | Self::MailboxProviderRegion
            | Self::RecipientDomain
            | Self::SendingDomain
            | Self::Template => false,
        }
    }

    /// The field in lower case as SQL. With this collation `lower` changes ASCII letters only, on every database.
    pub(crate) fn text_as_sql(self) -> String {
        format!(r#"lower({} collate "C")"#, self.column())
    }

    /// The words of the field as SQL, of type `text[]`. Adjacent delimiters leave empty words.
    pub(crate) fn words_as_sql(self) -> String {
        let text = self.text_as_sql();
        let delimiters = if self.is_domain() {
            r"E'.-_\t\r\n', '      '"
        } else {
            r"E'-_\t\r\n', '     '"
        };
        format!("string_to_array(translate({text}, {delimiters}), ' ')")
    }

    /// The words of the field as SQL if it was stored as sent; without empty ones.
    pub(crate) fn folded_words_as_sql(self) -> String {
        let function = if self.is_domain() {
            "folded_domain_words"
        } else {
            "folded_words"
        };
        format!("{function}({})", self.column())
    }

    /// A text as the field's is compared from beginning to end: folded, with white space as spaces, and with words as long as they are
    /// stored.
    pub(crate) fn whole(self, text: &str) -> String {
        let folded = if self.is_domain() {
            fold_domain(Cow::Borrowed(text))
        } else {
            fold(Cow::Borrowed(text))
        };
        let spaced = folded.replace(['\t', '\r', '\n'], " ");
        if !self.is_prose() {
            return spaced;
        }
        let words = spaced.split_inclusive(is_word_delimiter);
        words
            .flat_map(|piece| {
                let word = piece.trim_end_matches(is_word_delimiter);
                [clip_word(word), piece.get(word.len()..).unwrap_or_default()]
            })
            .collect()
    }

    /// The whole text of the field as SQL, normalized as by [`Self::whole`]. Columns hold clipped words already.
    pub(crate) fn whole_as_sql(self) -> String {
        let column = self.column();
        if self.is_domain() {
            format!(r"translate(folded({column}), E'\t\r\n。．｡', '   ...')")
        } else {
            format!(r"translate(folded({column}), E'\t\r\n', '   ')")
        }
    }

    /// Splits the text of a search; `None` if nothing is left.
    pub(crate) fn parse(self, text: &str) -> Option<Phrase> {
        let folded = if self.is_domain() {
            fold_domain(Cow::Borrowed(text))
        } else {
            fold(Cow::Borrowed(text))
        };
        let is_delimiter = |c: char| is_word_delimiter(c) || (c == '.' && self.is_domain());
        let words = folded.split(is_delimiter).filter(|word| !word.is_empty());
        // Only the beginning of an overlong word in prose was stored in the column.
        let searched = words.map(|word| {
            if self.is_prose() {
                clip_word(word)
            } else {
                word
            }
        });
        let words: Vec<String> = searched.map(str::to_owned).collect();
        (!words.is_empty()).then_some(Phrase(words))
    }
}

/// Adjacent words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Phrase(Vec<String>);

impl Phrase {
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }

    /// The words with one space before, between and after them, to search for in a text of the same form.
    pub(crate) fn spaced(&self) -> String {
        format!(" {} ", self.0.join(" "))
    }

    /// The word that is probably the rarest.
    pub(crate) fn longest_word(&self) -> &str {
        self.0
            .iter()
            .max_by_key(|word| word.len())
            .map_or("", String::as_str)
    }
}

/// One field and its phrases, any of which it must contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keywords {
    pub(crate) field: KeywordField,
    pub(crate) phrases: BTreeSet<Phrase>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_split_where_documented() {
        let words = |field: KeywordField, text| {
            field
                .parse(text)
                .map_or_else(String::new, |phrase| phrase.words().join("|"))
        };

        assert_eq!(
            words(KeywordField::Campaign, "BlackFriday-specials_2026 now"),
            "blackfriday|specials|2026|now"
        );
        assert_eq!(
            words(KeywordField::Reason, "5.4.7 - Delivery\texpired\r\n"),
            "5.4.7|delivery|expired"
        );
        assert_eq!(
            words(KeywordField::SendingDomain, ".Info.example-x.co_uk"),
            "info|example|x|co|uk"
        );
        assert_eq!(
            words(KeywordField::Subject, "ÉTÉ, c'est là!"),
            "été,|c'est|là!"
        );
        assert_eq!(
            words(KeywordField::RecipientDomain, "Bücher。Example"),
            "bücher|example"
        );
        assert_eq!(
            words(KeywordField::IpPool, "ÉTÉ\u{a0}\u{2014}\u{b}Pool"),
            "été|pool"
        );
        for nothing in [" -_ ", "\u{a0}\u{2014}", ""] {
            assert_eq!(words(KeywordField::Subject, nothing), "");
        }
    }

    #[test]
    fn phrase_is_spaced_once_whatever_was_between_its_words() {
        let phrase = |text| KeywordField::Template.parse(text).unwrap();

        assert_eq!(phrase("win--back").spaced(), " win back ");
        assert_eq!(phrase("a-bcd-ef").longest_word(), "bcd");
    }
}
