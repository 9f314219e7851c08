"""The fault lab: developers inject failures into their own webhooks to test their programs."""
