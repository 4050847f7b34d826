-- The service `journal` takes over two consumers of `pipelines`, with their positions and dead letters. A `pipelines` that still runs
-- finds no position and handles nothing.
update journal.cursors set consumer = 'journal' || substr(consumer, length('pipelines') + 1)
  where consumer in ('pipelines@journal.approval_changed', 'pipelines@inbox.button_pressed');
update journal.rows set method = 'journal' || substr(method, length('pipelines') + 1)
  where method in ('pipelines@journal.approval_changed', 'pipelines@inbox.button_pressed');
