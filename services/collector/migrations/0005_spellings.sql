-- Words that differ in vowels alone, for slips like «пеоны».
create index lexicon_skeleton on collector.lexicon (translate(word, 'аеиоуыэюя', '*********'));

-- Names that people write in either alphabet, by ear.
insert into collector.irregular_words (of, word) values
  ('whatsapp', 'whatsapp'), ('whatsapp', 'watsap'), ('whatsapp', 'вотсап'), ('whatsapp', 'ватсап'), ('whatsapp', 'вацап'), ('whatsapp', 'вотсапп'),
  ('telegram', 'telegram'), ('telegram', 'телеграм'), ('telegram', 'телеграмм'), ('telegram', 'телега'),
  ('instagram', 'instagram'), ('instagram', 'инстаграм'), ('instagram', 'инстаграмм'), ('instagram', 'инста'), ('instagram', 'insta'),
  ('viber', 'viber'), ('viber', 'вайбер'), ('youtube', 'youtube'), ('youtube', 'ютуб'), ('google', 'google'), ('google', 'гугл'),
  ('iphone', 'iphone'), ('iphone', 'айфон'), ('ipad', 'ipad'), ('ipad', 'айпад'), ('apple', 'apple'), ('apple', 'эппл'), ('apple', 'эпл'),
  ('android', 'android'), ('android', 'андроид'), ('samsung', 'samsung'), ('samsung', 'самсунг'), ('xiaomi', 'xiaomi'), ('xiaomi', 'сяоми'),
  ('xiaomi', 'ксиаоми'), ('huawei', 'huawei'), ('huawei', 'хуавей'), ('honor', 'honor'), ('honor', 'хонор'), ('sony', 'sony'), ('sony', 'сони'),
  ('wifi', 'wifi'), ('wifi', 'вайфай'), ('bluetooth', 'bluetooth'), ('bluetooth', 'блютуз'), ('bluetooth', 'блютус'), ('usb', 'usb'), ('usb', 'юсб'),
  ('ozon', 'ozon'), ('ozon', 'озон'), ('wildberries', 'wildberries'), ('wildberries', 'вайлдберриз'), ('wildberries', 'вб'), ('avito', 'avito'), ('avito', 'авито'),
  ('kaspi', 'kaspi'), ('kaspi', 'каспи'), ('sberbank', 'sberbank'), ('sberbank', 'сбербанк'), ('sberbank', 'сбер'), ('sberbank', 'sber'),
  ('visa', 'visa'), ('visa', 'виза'), ('mastercard', 'mastercard'), ('mastercard', 'мастеркард'), ('email', 'email'), ('email', 'имейл'), ('email', 'емейл'),
  ('nike', 'nike'), ('nike', 'найк'), ('adidas', 'adidas'), ('adidas', 'адидас'), ('ikea', 'ikea'), ('ikea', 'икеа'), ('toyota', 'toyota'), ('toyota', 'тойота'),
  ('bmw', 'bmw'), ('bmw', 'бмв'), ('kia', 'kia'), ('kia', 'киа'), ('hyundai', 'hyundai'), ('hyundai', 'хендай'), ('hyundai', 'хундай')
on conflict (word) do nothing;
refresh materialized view collector.irregular_rules;

-- What is there is found by digits, parts of addresses and emoji once `polyb inbox reindex` has gone through it.
insert into collector.reindexing (below)
select max(seq) + 1 from collector.messages having max(seq) is not null
on conflict (is_one) do update set below = greatest(reindexing.below, excluded.below);
