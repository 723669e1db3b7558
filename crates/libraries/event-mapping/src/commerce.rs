//! Commerce events: actions on products, promotions, impressions.

use std::borrow::Cow;

use super::{
    Call, EventKind, Mapper, Note, PurchaseMode, SkipReason,
    data_fields::{DataFields, ItemFields},
    outcome::NotSent,
    purchase,
    subject::{Draft, Subject},
};
use event_model::mparticle::{Commerce, Event, EventData, Product, Promotion};

/// What the `action` of a purchase is.
const PURCHASE: &str = "purchase";

/// What is to be sent for a commerce event.
pub(super) fn map<'a>(subject: &Subject<'_, 'a>, event: &Event<'a>) -> Result<Call, NotSent> {
    let data = event.data();
    let commerce = Commerce::read(&data);
    let Some(action) = action(&commerce) else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let mapper = subject.mapper;
    let (sends, as_purchase) = match (action.as_ref(), mapper.purchase_mode()) {
        (PURCHASE, PurchaseMode::Off) => (false, false),
        (PURCHASE, PurchaseMode::Event) => (true, false),
        (PURCHASE, PurchaseMode::Purchase) => (true, true),
        _ => (mapper.sends(EventKind::Commerce), false),
    };
    if !sends {
        return Err(SkipReason::TypeOff.into());
    }
    let mut draft = draft(mapper, &action, &data, &commerce)?;
    if as_purchase {
        match purchase::lines(&commerce) {
            Some(lines) => return purchase::map(subject, event, &data, &commerce, &lines),
            None => draft.fields.note(Note::PurchaseAsEvent),
        }
    }
    subject.event_call(event, &data, draft)
}

/// What was done, in the words that name the event. A product action says more than a promotion, a promotion more than
/// an impression.
fn action<'a>(commerce: &Commerce<'a>) -> Option<Cow<'a, str>> {
    let known = |action: &Cow<'a, str>| action != "unknown";
    if let Some(action) = commerce.product_action.action.text().filter(known) {
        return Some(action);
    }
    if let Some(action) = commerce.promotion_action.action.text().filter(known) {
        return Some(Cow::Owned(format!("promotion_{action}")));
    }
    (!commerce.impressions.is_empty()).then_some(Cow::Borrowed("product_impression"))
}

fn draft<'m>(
    mapper: &'m Mapper,
    action: &str,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) -> Result<Draft<'m>, NotSent> {
    let Some(event_name) = mapper.naming.event_name(EventKind::Commerce, Some(action)) else {
        return Err(SkipReason::NameOff.into());
    };
    let mut fields = DataFields::default();
    if !mapper.naming.tells_value(EventKind::Commerce) {
        fields.string("action", action);
    }
    fields.number("total_amount", commerce.product_action.total_amount);
    add_order(&mut fields, data, commerce);
    let list = products("products", &commerce.products, fields.notes());
    fields.array("products", &list);
    Ok(Draft { event_name, fields })
}

/// Adds what a purchase has beside its items and its sum, and any other action alike.
pub(super) fn add_order(
    fields: &mut DataFields<'_>,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) {
    let action = &commerce.product_action;
    fields.text("transaction_id", action.transaction_id);
    fields.text("currency_code", data.currency_code);
    fields.text("coupon_code", action.coupon_code);
    fields.number("tax_amount", action.tax_amount);
    fields.number("shipping_amount", action.shipping_amount);
    fields.text("affiliation", action.affiliation);
    fields.number("checkout_step", action.checkout_step);
    fields.text("checkout_options", action.checkout_options);
    fields.text("product_list", action.product_action_list);
    fields.text("product_list_source", action.product_list_source);
    fields.text("screen_name", data.screen_name);
    let promotions: Vec<String> = commerce
        .promotions
        .iter()
        .map(|promotion| promotion_json(promotion, fields.notes()))
        .collect();
    fields.array("promotions", &promotions);
    let impressions = products("impressions", &commerce.impressions, fields.notes());
    fields.array("impressions", &impressions);
}

fn products(list: &'static str, products: &[Product<'_>], notes: &mut Vec<Note>) -> Vec<String> {
    products
        .iter()
        .map(|product| product_json(list, product, notes))
        .collect()
}

/// A product in one fixed shape, whatever the app added to it: each new name would be a new field at Iterable.
fn product_json(list: &'static str, product: &Product<'_>, notes: &mut Vec<Note>) -> String {
    let mut item = ItemFields::new(list, notes);
    item.text("id", product.id());
    item.text("name", product.name);
    item.text("category", product.category);
    item.number("price", product.price);
    item.number("quantity", product.quantity);
    item.number("total_amount", product.total_amount());
    add_description(&mut item, product);
    item.object.finish()
}

/// Adds what a purchase's item has no own field for.
pub(super) fn add_description(item: &mut ItemFields<'_>, product: &Product<'_>) {
    item.text("brand", product.brand);
    item.text("variant", product.variant);
    item.number("position", product.position);
    item.text("coupon_code", product.coupon_code);
}

fn promotion_json(promotion: &Promotion<'_>, notes: &mut Vec<Note>) -> String {
    let mut item = ItemFields::new("promotions", notes);
    item.text("id", promotion.id);
    item.text("name", promotion.name);
    item.text("creative", promotion.creative);
    item.text("position", promotion.position);
    item.object.finish()
}
