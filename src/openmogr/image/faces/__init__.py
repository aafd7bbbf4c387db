"""Where faces are in a picture, by the cascades that OpenCV ships (extra ``faces``)."""
