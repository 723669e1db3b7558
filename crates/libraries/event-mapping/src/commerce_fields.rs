//! Fields that all commerce events have, recorded as purchases or as events.

use event_model::mparticle::{Commerce, EventData, Product, Promotion};

use super::{
    Note,
    data_fields::{DataFields, ItemFields},
};

/// Adds the fields of a purchase other than its items and its total; other actions have them too.
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

pub(super) fn products(
    list: &'static str,
    products: &[Product<'_>],
    notes: &mut Vec<Note>,
) -> Vec<String> {
    products
        .iter()
        .map(|product| product_json(list, product, notes))
        .collect()
}

/// A product with a fixed set of members, regardless of what the app added: each new name would be a new field at
/// Iterable.
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

/// Adds the members of a product for which a purchase's item has no member.
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
